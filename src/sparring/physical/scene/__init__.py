"""Where things are: the scenario with its ranges and units, where a patch lies on a picture, its shape, one photo."""
