"""From an executed notebook to a page that can be cited."""
