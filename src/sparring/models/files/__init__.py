"""Files of models, each format read without running code that it carries."""
