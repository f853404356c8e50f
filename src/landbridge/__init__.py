"""landbridge: site-to-site IPsec as a service."""
