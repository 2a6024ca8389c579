"""The bridge to robots: one interface, a simulated robot and one behind ROS 2 topics, and bags."""
