"""Which class a model knows by a shortcut, found without being told: suspects, evidence, findings."""
