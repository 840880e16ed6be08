// LDNSBridge
