"""How the labs are run: figures as SVG, and a kernel that listens to this machine's own files, not to a port."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.KernelManager.transport = "ipc"
# Set on the base class: the plugin replaces all that is set on ExecutePreprocessor itself.
c.NotebookClient.timeout = 600
c.NotebookClient.extra_arguments = ["--InlineBackend.figure_formats={'svg'}"]
