"""``python -m nomina.tuning FOLDER``: the process of one worker of a search."""

from nomina.tuning.worker import main

if __name__ == "__main__":
    main()
