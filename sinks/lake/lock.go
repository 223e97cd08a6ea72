package lake

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	tmtypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob"

	"github.com/paylake/paylake/sinks/translog"
)

// Storage that keeps what it was given. With Object Lock an S3 bucket refuses to
// delete or change a version before its time, whoever asks. Nothing here relies on
// deleting or overwriting: a delete only lays a marker over a version, and a name
// that is written again gets another version.

// Retention is how long S3 has to keep each file that the lake creates. It is
// asked for with every write; a bucket with a default retention needs none.
type Retention struct {
	Mode  string                    // governance or compliance
	Until func(time.Time) time.Time // of a file written at that time
}

// retained reports whether a key is to be kept: all but the probe's own and the
// log's newest checkpoint, which is there under its size as well.
func retained(key string) bool {
	return !strings.HasPrefix(key, "probe/") && key != translog.Latest
}

// writing are the options of a write.
func (c cloudBucket) writing(key string, o blob.WriterOptions) *blob.WriterOptions {
	if c.keep == nil || !retained(key) {
		return &o
	}
	o.BeforeWrite = func(as func(any) bool) error {
		var in *transfermanager.UploadObjectInput
		if !as(&in) {
			return errors.New("retention can be asked for in s3:// lakes alone; remove lake_lock")
		}
		until := c.keep.Until(c.now()).UTC()
		in.ObjectLockMode, in.ObjectLockRetainUntilDate = tmtypes.ObjectLockMode(strings.ToUpper(c.keep.Mode)), &until
		return nil
	}
	return &o
}

// Protection is what a bucket itself does against deleting and overwriting.
type Protection struct {
	Bucket     string
	Versioning string // on, off or suspended; empty: this role may not ask
	Lock       string // on or off; empty: this role may not ask
	Mode       string // of the default retention: GOVERNANCE or COMPLIANCE; empty: none
	Days       int64  // or
	Years      int64
	Refused    []string // rights that this role lacks to ask
}

// CheckProtection asks an S3 bucket for versioning and Object Lock. ok is false
// for other storage, which is not asked.
func CheckProtection(ctx context.Context, lakeURL string) (p Protection, ok bool, err error) {
	b, closeBucket, err := openBucket(ctx, lakeURL, false, 0)
	if err != nil {
		return p, false, err
	}
	defer func() { err = errors.Join(err, closeBucket()) }()
	c, is := b.(cloudBucket)
	var client *s3.Client
	if !is || !c.b.As(&client) {
		return p, false, nil
	}
	u, err := url.Parse(lakeURL)
	if err != nil {
		return p, false, err
	}
	p.Bucket = u.Host
	return p, true, errors.Join(p.askVersioning(ctx, client), p.askLock(ctx, client))
}

func (p *Protection) askVersioning(ctx context.Context, client *s3.Client) error {
	v, err := client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &p.Bucket})
	switch {
	case refused(err):
		p.Refused = append(p.Refused, "s3:GetBucketVersioning")
	case err != nil:
		return cloudError("ask for the versioning of", p.Bucket, err)
	case v.Status == types.BucketVersioningStatusEnabled:
		p.Versioning = "on"
	case v.Status == types.BucketVersioningStatusSuspended:
		p.Versioning = "suspended"
	default:
		p.Versioning = "off"
	}
	return nil
}

func (p *Protection) askLock(ctx context.Context, client *s3.Client) error {
	l, err := client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &p.Bucket})
	switch {
	case storeCode(err) == "ObjectLockConfigurationNotFoundError":
		p.Lock = "off"
		return nil
	case refused(err):
		p.Refused = append(p.Refused, "s3:GetBucketObjectLockConfiguration")
		return nil
	case err != nil:
		return cloudError("ask for the object lock of", p.Bucket, err)
	}
	p.Lock = "off"
	if c := l.ObjectLockConfiguration; c != nil && c.ObjectLockEnabled == types.ObjectLockEnabledEnabled {
		p.Lock = "on"
		if c.Rule != nil && c.Rule.DefaultRetention != nil {
			r := c.Rule.DefaultRetention
			p.Mode = string(r.Mode)
			if r.Days != nil {
				p.Days = int64(*r.Days)
			}
			if r.Years != nil {
				p.Years = int64(*r.Years)
			}
		}
	}
	return nil
}

// refused: the role may not ask, or the server knows no such question.
func refused(err error) bool {
	switch storeCode(err) {
	case "AccessDenied", "AllAccessDisabled", "UnauthorizedAccess", "MethodNotAllowed", "NotImplemented":
		return true
	}
	return false
}

// String says what is on and what is not.
func (p Protection) String() string {
	say := func(s string) string {
		if s == "" {
			return "unknown"
		}
		return s
	}
	text := "versioning " + say(p.Versioning) + ", object lock " + say(p.Lock)
	switch {
	case p.Mode != "" && p.Years > 0:
		text += fmt.Sprintf(", default retention %s for %d years", p.Mode, p.Years)
	case p.Mode != "":
		text += fmt.Sprintf(", default retention %s for %d days", p.Mode, p.Days)
	case p.Lock == "on":
		text += ", no default retention"
	}
	if len(p.Refused) > 0 {
		text += "; these credentials may not ask: let them " + strings.Join(p.Refused, " and ") + ", or ask the bucket's owner"
	}
	return text
}

// Advice is what to type so that nobody can delete what was committed; nothing
// where that is so already, or unknown. perObject: retention is asked for with
// each write.
func (p Protection) Advice(perObject bool) (commands []string) {
	if p.Versioning == "off" || p.Versioning == "suspended" {
		commands = append(commands, "aws s3api put-bucket-versioning --bucket "+p.Bucket+" --versioning-configuration Status=Enabled")
	}
	if p.Lock == "off" || p.Lock == "on" && p.Mode == "" && !perObject {
		commands = append(commands, "aws s3api put-object-lock-configuration --bucket "+p.Bucket+
			` --object-lock-configuration '{"ObjectLockEnabled":"Enabled","Rule":{"DefaultRetention":{"Mode":"COMPLIANCE","Years":10}}}'`)
	}
	return commands
}
