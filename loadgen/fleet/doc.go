// Package fleet holds many tunnels in one process: it brings their connectors up at a pace that the edge can follow,
// keeps them, and keeps a log of every dial, registration and loss, from which a storm's course is computed.
package fleet
