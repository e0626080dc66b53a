package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"pqbench/bench/role"
	"pqbench/loadgen"
	fleets "pqbench/loadgen/fleet"
	"pqbench/results"
)

// A storm's handshakes are scheduled by the count of those that began: one that is under way at the end is a failure of
// its own class, and an end that nobody told of does not go unnoticed.
func TestStormAccountsForEveryDial(t *testing.T) {
	dial := func(start, end int64, class string) fleets.Event {
		return fleets.Event{Kind: fleets.Dialed, Start: start, At: end, Member: -1, Class: class}
	}
	tell := func(events ...fleets.Event) results.Trial {
		s := &storm{holding: &holding{r: &runner{clock: loadgen.NewClock()}}, lost: 3, began: 100, back: 150}
		s.before.fleet.Dials = fleets.Dials{Begun: 10, InProgress: map[int64]int{95: 1}}
		s.after.fleet = role.FleetReply{Events: events, Dials: fleets.Dials{Begun: 14, InProgress: map[int64]int{180: 2}}}
		var trial results.Trial
		s.tell(&trial, role.TrialReply{})
		return trial
	}
	ended := []fleets.Event{dial(95, 120, ""), dial(160, 170, results.ClassTimeout), dial(161, 190, "")}
	whole := tell(ended...)
	assert.Equal(t, []int{5, 2, 3, 0}, []int{whole.Scheduled, whole.Completed, whole.Failed, whole.Dropped})
	assert.Equal(t, whole.Scheduled, whole.Completed+whole.Failed+whole.Dropped)
	assert.Equal(t, 2.0, whole.Values["failed_unfinished"])
	assert.Equal(t, 1.0, whole.Values["failed_timeout"])
	assert.Zero(t, whole.Values["failed_refused"])
	assert.Contains(t, whole.Values, "failed_refused", "a mean over storms needs its zeros")

	missing := tell(ended[:2]...)
	assert.NotEqual(t, missing.Scheduled, missing.Completed+missing.Failed+missing.Dropped)
}

// What the generator could not send is no request that an outage cost.
func TestDroppedRequestsAreNotLost(t *testing.T) {
	values := map[string]float64{}
	tellRequests(values, role.TrialReply{Samples: []results.Sample{
		{Sent: 5, Completed: 8}, {Sent: 9, Completed: 20, Class: results.ClassTimeout}, {Sent: 30, Completed: 31}, {Completed: 12, Class: results.ClassDropped},
	}}, 10)
	assert.Equal(t, map[string]float64{"requests_sent": 3, "requests_lost": 1, "requests_dropped": 1, "requests_in_flight": 1, "in_flight_lost": 1}, values)
}
