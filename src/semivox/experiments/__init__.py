"""Many runs arranged and compared: study files, labeled sets, folds, the runner, verdicts."""
