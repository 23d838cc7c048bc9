"""Device images in other people's libraries and wheels: found, named, disassembled, counted."""
