"""Parts of the loader: collating (``collate``), reading samples and the workers (``worker``)."""
