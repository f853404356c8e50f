"""Networks, subnets, ports and routers: the part of the Networking API that tunnels need."""
