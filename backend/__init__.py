"""Everything but the screens: rules, data, machines, services, tasks and doors."""
