"""How the labs are run: figures as SVG, and time enough for experiments."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821
# Set on the base class: the plugin replaces all that is set on ExecutePreprocessor itself.
c.NotebookClient.timeout = 600
c.NotebookClient.extra_arguments = ["--InlineBackend.figure_formats={'svg'}"]
