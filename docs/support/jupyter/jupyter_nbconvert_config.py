"""How the labs are run: figures as SVG, and time enough for experiments."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821
# Set on the base class: the plugin replaces all that is set on ExecutePreprocessor itself.
c.NotebookClient.timeout = 600
# The log level keeps the kernel from warning that it talks to this machine itself without encryption.
# A figure is as large as it is made: cut to what is drawn, its type would come out in another size.
c.NotebookClient.extra_arguments = [
    "--log-level=40",
    "--InlineBackend.figure_formats={'svg'}",
    "--InlineBackend.print_figure_kwargs={'bbox_inches': None}",
]
