"""Pages, tables and figures of jobs and studies, made from their folders alone."""
