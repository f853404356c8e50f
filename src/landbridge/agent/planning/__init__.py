"""What a plan is made of (`landbridge.agent.plan`): pure functions and frozen structs."""
