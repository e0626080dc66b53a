package role

import "fmt"

// lower is how much lower the priority is of a process that gives way where there is nothing better (setpriority(2)): about a
// tenth of the weight.
const lower = 10

// GiveWay lowers the priority of the process, for good: what runs beside it on the same cores goes first. An edge that
// shares its cores with the generator gives way to it, as if the generator had a machine to itself.
// On a crowded host anything else that runs would go first, too, and could take all of its time: see Crowded.
func (c *Control) GiveWay(_ None, _ *None) error {
	if err := giveWay(); err != nil {
		return fmt.Errorf("lower the priority of the process: %w", err)
	}
	return nil
}
