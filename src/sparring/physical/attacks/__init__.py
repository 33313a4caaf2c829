"""What is put before a camera: patches, thrown light, patches in scenes for detectors; and their controls."""
