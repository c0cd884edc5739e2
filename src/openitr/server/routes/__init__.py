"""The routes, by what they are about; each is thin over the library it serves."""
