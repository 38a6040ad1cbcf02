"""The SSH gateway: people's own `ssh`, `scp`, `sftp`, `rsync` and `git` get into their containers here."""
