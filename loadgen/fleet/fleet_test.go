package fleet

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"pqbench/loadgen"
)

// Events of many connectors at once are neither lost nor mixed up, and what is waited for ends with the last return.
func TestALogOfManyConnectors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tunnels, connections = 50, 4
		clock := loadgen.NewClock()
		f := &Fleet{cfg: Config{Members: make([]Member, tunnels), Connections: connections}, log: log{clock: clock}}
		each := func(wait func(member int, index uint8) time.Duration, kind Kind) {
			for m := range tunnels {
				for i := range uint8(connections) {
					go func() {
						<-time.After(wait(m, i)) // virtual
						f.log.add(Event{Kind: kind, At: clock.Now(), Member: int32(m), Index: i})
					}()
				}
			}
		}
		each(func(int, uint8) time.Duration { return time.Second }, Registered)
		assert.NoError(t, f.Whole(t.Context(), 0))
		assert.Equal(t, time.Second, time.Duration(clock.Now()).Truncate(100*time.Millisecond))
		f.Take()

		outage := clock.Now()
		each(func(int, uint8) time.Duration { return 0 }, Lost)
		each(func(m int, i uint8) time.Duration {
			return time.Duration(m*connections+int(i)+1) * 100 * time.Millisecond
		}, Registered)
		assert.NoError(t, f.Whole(t.Context(), tunnels*connections))
		events, _ := f.Take()
		c := Follow(events, outage, tunnels*connections)
		assert.Equal(t, tunnels*connections, c.Back)
		assert.Equal(t, 10*time.Second, time.Duration(c.Back50-outage))
		assert.Equal(t, 19800*time.Millisecond, time.Duration(c.Back99-outage))
		assert.Equal(t, 20*time.Second, time.Duration(c.Back100-outage))
		for step, back := range c.Line.Back {
			assert.Equal(t, float64(step), back, "one a step")
		}
	})
}
