"""Which strategy is worth its money: from anyone's probabilistic sample to tables and figures for a decision."""
