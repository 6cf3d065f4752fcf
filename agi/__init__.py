"""FastAGI for the admin's own dialplan."""
