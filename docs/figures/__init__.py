"""What pages show: `show` puts a figure into its page; most files beside this one draw those of one page."""

from docs.figures.svg import show

__all__ = ["show"]
