"""The site: pages, and what they are made of."""
