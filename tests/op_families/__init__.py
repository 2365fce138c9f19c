"""The table of operation cases, by family; `op_cases` joins them."""
