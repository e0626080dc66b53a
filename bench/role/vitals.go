package role

import (
	"os"
	"runtime"
	"runtime/debug"
)

// Vitals are what a process holds that it should not hold more and more of.
type Vitals struct {
	Heap        int64 // live bytes after a collection
	Stacks      int64 // bytes of goroutines' stacks in use
	Goroutines  int
	Descriptors int // open files and sockets; -1 where the system does not tell
}

// Vitals collects the garbage, gives memory back to the system, and reads what is left.
func (c *Control) Vitals(_ None, v *Vitals) error {
	runtime.GC() // the first collection lets pools go, the second what they held
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	*v = Vitals{Heap: int64(m.HeapAlloc), Stacks: int64(m.StackInuse), Goroutines: runtime.NumGoroutine(), Descriptors: descriptors()}
	return nil
}

func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries) - 1 // the folder itself is open while it is read
}
