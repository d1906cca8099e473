"""How the labs are run: figures as SVG, and time enough for experiments."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821
# Set on the base class: the plugin replaces all that is set on ExecutePreprocessor itself.
c.NotebookClient.timeout = 600
# The log level keeps the kernel from warning that it talks to this machine itself without encryption.
c.NotebookClient.extra_arguments = ["--log-level=40", "--InlineBackend.figure_formats={'svg'}"]
