CREATE TABLE team (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE hero (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    team_id INTEGER REFERENCES team (id) ON DELETE SET NULL
);

CREATE TABLE mission (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE assignment (
    team_id INTEGER NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    mission_id INTEGER NOT NULL REFERENCES mission (id),
    PRIMARY KEY (team_id, mission_id)
);

INSERT INTO team VALUES (1, 'Z-Force'), (2, 'Preventers'), (3, 'Wakaland');
INSERT INTO hero VALUES
    (1, 'Deadpond', 1), (2, 'Rusty-Man', 2), (3, 'Spider-Boy', 2), (4, 'Black Lion', 3), (5, 'Princess Sure-E', 3);
INSERT INTO mission VALUES (1, 'Rescue'), (2, 'Parade');
INSERT INTO assignment VALUES (1, 1), (3, 1), (3, 2);
