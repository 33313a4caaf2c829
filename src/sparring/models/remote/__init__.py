"""Models behind an address: requests, protocols, and answers that are written down before they are used."""
