"""How the labs are run: figures as SVG, and a kernel that listens to this machine's own files, not to a port."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.KernelManager.transport = "ipc"
c.ExecutePreprocessor.timeout = 600
c.ExecutePreprocessor.extra_arguments = ["--InlineBackend.figure_formats={'svg'}"]
