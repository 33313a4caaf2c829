"""What ``sparring demo`` audits: two small nets for handwritten digits, and images that neither has seen."""

from sparring.demo.nets import images, plain, robust

__all__ = ["images", "plain", "robust"]
