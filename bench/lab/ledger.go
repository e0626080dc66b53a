package lab

import (
	"context"
	"net"
	"runtime"
	"time"

	"pqbench/wire"
)

// tapped is a handshake whose datagrams are kept and read: to the byte, and by message.
func (x *trial) tapped(socket net.PacketConn) {
	tap := wire.NewTap(socket, wire.AtClient)
	var keys wire.KeyLog
	// HANDSHAKE_DONE comes half a round trip after the client's Finished arrived: two more hold it even when a datagram waits.
	x.handshake(tap, &keys, 2*x.path.RTT()+time.Millisecond)
	ledger, err := wire.Read(tap.Take(), keys.Bytes())
	if err != nil {
		if x.result.Class == "" {
			x.result.Class, x.result.Detail = "other", "reading the ledger: "+err.Error()
		}
		return
	}
	x.result.Ledger = &ledger
}

// counted is a handshake with what it allocated, at both ends: they share a process here.
func (x *trial) counted(socket net.PacketConn) {
	var before, after runtime.MemStats
	runtime.GC() // it empties pools: let it be before, not within
	runtime.ReadMemStats(&before)
	x.handshake(socket, nil, 2*x.path.RTT()+time.Millisecond)
	time.Sleep(x.path.RTT() + time.Millisecond) // until the server has read the close
	runtime.ReadMemStats(&after)
	x.result.Allocs = after.Mallocs - before.Mallocs
}

// Trials makes the trials of jobs in workers, and returns each job's, in order. It reads no clock and writes no file: what it
// returns is the same in every run, as far as the package comment promises. Errors are the context's, a worker's that
// cannot be started, and a cell's that no worker can make.
func Trials(ctx context.Context, jobs []Job) ([][]Result, error) {
	all := make([][]Result, len(jobs))
	err := pool(ctx, hireWorker, jobs, Workers(), func(i int, results []Result) error {
		all[i] = results
		return nil
	})
	return all, err
}
