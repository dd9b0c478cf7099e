"""The roof: the only places that put things together. One module per process of the plane."""
