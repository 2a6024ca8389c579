"""From a camera's frame to what the network takes: face, eye corners, crops, distance; or the reason why not."""
