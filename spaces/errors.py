"""The one error for people."""


class InputError(ValueError):
    """Something that a person can mend: its text gives the rule, the value and the cure in one line.

    The command line answers it, as it answers an OSError, with that line and exit code 2. Every other error is a fault
    of the program and shows its traceback.
    """
