"""Networks, subnets, ports and routers: the part of Networking that tunnels need."""
