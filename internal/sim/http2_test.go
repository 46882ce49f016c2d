package sim

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
)

// frame is a frame of HTTP/2 (RFC 9113, section 4.1).
type frame struct {
	kind   byte
	stream uint32
	bytes  []byte
}

// Types of frames (RFC 9113, section 6), and errors.
const (
	frameData         = 0
	frameHeaders      = 1
	frameReset        = 3
	frameGoAway       = 7
	frameContinuation = 9

	noError = 0
	cancel  = 8
)

func newFrame(kind byte, stream uint32, payload ...uint32) frame {
	b := []byte{0, 0, byte(4 * len(payload)), kind, 0}
	b = binary.BigEndian.AppendUint32(b, stream)
	for _, word := range payload {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	return frame{kind, stream, b}
}

func readFrame(r io.Reader) (frame, error) {
	header := make([]byte, 9)
	if _, err := io.ReadFull(r, header); err != nil {
		return frame{}, err
	}
	length := int(header[0])<<16 | int(header[1])<<8 | int(header[2])
	f := frame{header[3], binary.BigEndian.Uint32(header[5:]), append(header, make([]byte, length)...)}
	_, err := io.ReadFull(r, f.bytes[9:])
	return f, err
}

// isMessage reports whether the frame is a part of a request or a response.
func (f frame) isMessage() bool {
	return f.kind == frameHeaders || f.kind == frameContinuation || f.kind == frameData
}

// isWrite reports whether the frame begins a request whose method is not GET. It relies on the order in which net/http encodes the
// headers (RFC 7541): the authority, as a literal, and then the method.
func (f frame) isWrite() bool {
	const sizeUpdate, sizeUpdateMask, methodGet = 0x20, 0xe0, 0x82
	if f.kind != frameHeaders {
		return false
	}
	block := f.bytes[9:]
	for block[0]&sizeUpdateMask == sizeUpdate {
		block = block[1:]
	}
	authority := 2 + int(block[1]&0x7f)
	return block[authority] != methodGet
}

// copyFrames forwards HTTP/2.
func (l *link) copyFrames(dir Direction, to, from net.Conn) {
	defer l.end((*conn).Close)
	if dir == ToClient {
		greet := sync.OnceFunc(func() { close(l.greeted) })
		defer greet()
		f, err := readFrame(from)
		if err != nil || l.pass(dir, to, f, false) != nil {
			return
		}
		greet()
	} else {
		preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
		if _, err := io.ReadFull(from, preface); err != nil || l.forward(dir, to, preface) != nil {
			return
		}
	}
	for {
		f, err := readFrame(from)
		if err != nil || l.handle(dir, to, f) != nil {
			return
		}
	}
}

// handle forwards a frame, with the faults before and after it.
func (l *link) handle(dir Direction, to net.Conn, f frame) error {
	if !f.isMessage() {
		return l.pass(dir, to, f, false)
	}
	if dir == ToClient {
		l.mu.Lock()
		l.used = true
		l.mu.Unlock()
	} else if f.isWrite() {
		l.network.expose(1)
	}
	index := l.network.nextFrame(dir)
	if dir == ToServer && l.network.holds(index) {
		if err := l.pass(dir, to, f, true); err != nil {
			return err
		}
		if err := l.injectFrames(dir, index, false, f.stream); err != nil {
			return err
		}
		return l.injectFrames(dir, index, true, f.stream)
	}
	if err := l.injectFrames(dir, index, false, f.stream); err != nil {
		return err
	}
	if err := l.pass(dir, to, f, false); err != nil {
		return err
	}
	return l.injectFrames(dir, index, true, f.stream)
}

// pass forwards a frame, unless its stream is dead or excluded, or the frame is held back.
func (l *link) pass(dir Direction, to net.Conn, f frame, hold bool) error {
	l.mu.Lock()
	dead := l.dead[f.stream] || l.goneAway && f.stream > l.last
	hold = !dead && (hold || dir == ToServer && f.stream != 0 && len(l.held) > 0)
	if hold {
		l.held = append(l.held, f)
	} else if !dead && dir == ToServer {
		l.highest = max(l.highest, f.stream)
	}
	l.mu.Unlock()
	if dead || hold {
		return nil
	}
	return l.forward(dir, to, f.bytes)
}

// injectFrames carries out the faults before or after a frame.
func (l *link) injectFrames(dir Direction, index int, after bool, stream uint32) error {
	<-l.greeted
	for {
		f, ok := l.network.take(func(f Fault) bool {
			return f.isFramewise() && f.Dir == dir && f.At == index && f.After == after
		})
		if !ok {
			return nil
		}
		var err error
		if f.Kind == ResetStream {
			err = l.resetStream(stream, f.Code)
		} else {
			err = l.goAway(stream, f)
		}
		if err != nil {
			return err
		}
	}
}

// resetStream ends a stream at both ends.
func (l *link) resetStream(stream, code uint32) error {
	l.mu.Lock()
	known := stream <= l.highest
	dead := l.dead[stream]
	l.dead[stream] = true
	l.mu.Unlock()
	if dead {
		return nil
	}
	if known {
		if _, err := l.server.Write(newFrame(frameReset, stream, cancel).bytes); err != nil {
			return err
		}
	}
	_, err := l.client.Write(newFrame(frameReset, stream, code).bytes)
	return err
}

// goAway sends a GOAWAY to the client and keeps its promise, except that a response may already have begun. After an error, it closes
// the connection.
func (l *link) goAway(stream uint32, f Fault) error {
	l.mu.Lock()
	// A stream that has been forwarded is not excluded: the service may process it.
	last := map[LastStream]uint32{Below: l.highest, Same: max(stream, l.highest), Above: 1<<31 - 1}[f.Last]
	if l.goneAway {
		last = min(last, l.last)
	}
	l.goneAway, l.last = true, last
	held := l.held
	l.held = nil
	l.mu.Unlock()
	if _, err := l.client.Write(newFrame(frameGoAway, 0, last, f.Code).bytes); err != nil {
		return err
	}
	for _, h := range held {
		if h.isWrite() && h.stream > last && f.Code == noError && !l.isDead(h.stream) {
			l.network.expose(-1)
		}
		if err := l.pass(ToServer, l.server, h, false); err != nil {
			return err
		}
	}
	if f.Code != noError {
		l.end((*conn).Close)
		return errEnded
	}
	return nil
}

// isDead reports whether the stream was reset.
func (l *link) isDead(stream uint32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead[stream]
}
