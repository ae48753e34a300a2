"""Turn one content frame into a stylized one."""
