package tunnel

import "errors"

// Errors that both ends share. Test with errors.Is.
var (
	// ErrUnauthorized: the edge knows no such account tag, secret and
	// tunnel id together. Permanent; check the credentials file.
	ErrUnauthorized = errors.New("unauthorized tunnel credentials")
	// ErrDuplicateConnection: the edge already holds this tunnel, connector
	// and connection index (EDUPCONN on the wire). Another address may do.
	ErrDuplicateConnection = errors.New("connection already registered with this edge")
	// ErrNoConnection: no connection of the tunnel is registered at this edge.
	ErrNoConnection = errors.New("no connection registered for this tunnel")
	// ErrUnknownHost: no route leads from the request's host to a tunnel.
	ErrUnknownHost = errors.New("no tunnel for this host")
	// ErrClosed: the edge or connector was closed.
	ErrClosed = errors.New("tunnel closed")
)

// CauseDuplicate is the wire text by which an edge says ErrDuplicateConnection.
const CauseDuplicate = "EDUPCONN"

// CauseUnauthorized begins the wire text by which an edge says ErrUnauthorized.
const CauseUnauthorized = "Unauthorized"
