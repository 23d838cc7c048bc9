"""A run as other programs read it: JUnit's XML, and the text of Prometheus' node exporter."""
