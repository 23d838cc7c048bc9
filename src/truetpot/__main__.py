"""`python -m truetpot`: the same as `truetpot`."""

from truetpot.cli import main

if __name__ == "__main__":
    main()
