"""What pages show: `show` puts a figure into its page; each file beside this one draws those of one page."""

from docs.figures.svg import show

__all__ = ["show"]
