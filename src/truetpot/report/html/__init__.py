"""Records as one HTML file that needs nothing beside it, and charts of them as SVG."""
