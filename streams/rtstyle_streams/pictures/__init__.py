"""Still pictures and folders of them."""
