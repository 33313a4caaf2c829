"""What other tools read: JUnit, SARIF, Markdown, MLflow, and what those have in common."""
