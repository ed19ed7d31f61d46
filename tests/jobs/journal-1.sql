-- A journal as schema version 1 made it: one film, queued, its message on the way, and a request.
BEGIN TRANSACTION;
CREATE TABLE film (
	id INTEGER NOT NULL, 
	project INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	stem TEXT NOT NULL, 
	outbox_stem TEXT NOT NULL, 
	prompt_file TEXT NOT NULL, 
	template TEXT, 
	words TEXT, 
	answered TEXT, 
	held BOOLEAN NOT NULL, 
	released BOOLEAN NOT NULL, 
	state TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	needs TEXT, 
	progress FLOAT NOT NULL, 
	reply TEXT NOT NULL, 
	timeline TEXT, 
	updated_at FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (project, stem), 
	FOREIGN KEY(project) REFERENCES project (id)
);
INSERT INTO "film" VALUES(1,1,'trip','','trip','prompt.txt',NULL,NULL,NULL,0,0,'settling','',NULL,0.0,'',NULL,0.0);
CREATE TABLE job (
	id INTEGER NOT NULL, 
	film INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	"order" TEXT NOT NULL, 
	session INTEGER, 
	cause TEXT, 
	data TEXT, 
	due_at FLOAT, 
	tries INTEGER NOT NULL, 
	as_it_stands BOOLEAN NOT NULL, 
	video TEXT, 
	video_sha256 TEXT, 
	owner TEXT, 
	fence INTEGER NOT NULL, 
	pipeline INTEGER NOT NULL, 
	created_at FLOAT NOT NULL, 
	updated_at FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(film) REFERENCES film (id), 
	FOREIGN KEY(session) REFERENCES session (id)
);
INSERT INTO "job" VALUES(1,1,1,'queued','{"kind": "messages", "backend": "cloud", "media": [], "urls": [], "wish": ["one"], "send": ["one"], "session": null, "source": null, "bought_again": false, "removed": []}',NULL,NULL,NULL,NULL,0,0,NULL,NULL,NULL,0,1,0.0,0.0);
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema','1');
CREATE TABLE project (
	id INTEGER NOT NULL, 
	folder TEXT NOT NULL, 
	device BIGINT NOT NULL, 
	inode BIGINT NOT NULL, 
	birth_ns BIGINT, 
	outbox TEXT NOT NULL, 
	gone BOOLEAN NOT NULL, 
	created_at FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (outbox)
);
INSERT INTO "project" VALUES(1,'trip',1,2,3,'trip',0,0.0);
CREATE TABLE request (
	id INTEGER NOT NULL, 
	verb TEXT NOT NULL, 
	film INTEGER NOT NULL, 
	created_at FLOAT NOT NULL, 
	handled_at FLOAT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(film) REFERENCES film (id)
);
INSERT INTO "request" VALUES(1,'retry',1,0.0,NULL);
CREATE TABLE session (
	id INTEGER NOT NULL, 
	project INTEGER NOT NULL, 
	backend TEXT NOT NULL, 
	account TEXT NOT NULL, 
	session_id TEXT NOT NULL, 
	task_id TEXT, 
	shared BOOLEAN NOT NULL, 
	gone BOOLEAN NOT NULL, 
	created_at FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(project) REFERENCES project (id)
);
CREATE TABLE step (
	id INTEGER NOT NULL, 
	scope TEXT NOT NULL, 
	name TEXT NOT NULL, 
	state TEXT NOT NULL, 
	data TEXT, 
	receipt TEXT, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "step" VALUES(1,'job/1','message/0','intent','{"text": "one"}',NULL,0.0);
CREATE TABLE study (
	sighting TEXT NOT NULL, 
	study TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (sighting)
);
CREATE UNIQUE INDEX step_now ON step (scope, name) WHERE state != 'void';
CREATE INDEX ix_job_film ON job (film);
CREATE INDEX ix_job_state ON job (state);
COMMIT;
