"""The training package: a folder of labelled slices in, a bundle out."""
