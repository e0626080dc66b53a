package role

// Memory is what a process, or several together, hold of the machine's memory, bytes.
type Memory struct {
	// Proportional is the proportional set size: resident pages, a page that several processes share divided among
	// them. So ten processes of one program are not charged ten times for its code.
	Proportional int64
	// Resident is the resident set size, as top has it: the same with shared pages charged to each.
	Resident int64
}

// Add is the memory of both.
func (m Memory) Add(other Memory) Memory {
	return Memory{m.Proportional + other.Proportional, m.Resident + other.Resident}
}
