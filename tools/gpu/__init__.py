"""All that is measured and verified on a GPU: `python -m tools.gpu`."""
